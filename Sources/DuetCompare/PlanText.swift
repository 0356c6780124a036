internal import DuetPipeline
internal import DuetReport

/// Plans for people and machines.
enum PlanText {
    static func text(_ plan: RefreshPlan) -> String {
        let rows = plan.steps.map { [$0.dataset.description, $0.kind.rawValue, words($0.decision), $0.reason] }
        let busy = plan.steps.filter { $0.decision != .nothing }.count
        return TextTable.text(header: ["dataset", "kind", "what", "why"], rows: rows)
            + "\n\n\(busy) of \(plan.steps.count) datasets may be refreshed."
    }

    static func json(_ plan: RefreshPlan) -> JSONValue {
        [
            "pipeline": .string(plan.name), "style": "declarative",
            "steps": .array(
                plan.steps.map { step in
                    [
                        "dataset": .string(step.dataset.description), "kind": .string(step.kind.rawValue),
                        "decision": .string(words(step.decision)), "reason": .string(step.reason),
                        "inputs": .array(step.inputs.map { .string($0.description) }),
                    ]
                }
            ),
        ]
    }

    private static func words(_ decision: RefreshPlan.Decision) -> String {
        switch decision {
        case .nothing: "nothing"
        case .create: "create"
        case .rebuild: "make anew"
        case .takeChanges: "take changes"
        case .ifInputsChange: "if inputs change"
        }
    }

    static func text(_ plan: ProceduralPlan) -> String {
        TextTable.text(
            header: ["activity", "type", "after", "tries"],
            rows: plan.activities.map { activity in
                [
                    activity.name, type(activity.work), activity.dependsOn.joined(separator: ", "),
                    "\(activity.policy.retry + 1)",
                ]
            },
            rightAligned: [3]
        )
    }

    static func json(_ plan: ProceduralPlan) -> JSONValue {
        [
            "pipeline": .string(plan.name), "style": "procedural",
            "activities": .array(
                plan.activities.map { activity in
                    [
                        "name": .string(activity.name), "type": .string(type(activity.work)),
                        "dependsOn": .array(activity.dependsOn.map { .string($0) }),
                        "policy": [
                            "retry": .integer(Int64(activity.policy.retry)),
                            "retryIntervalInSeconds": .integer(Int64(activity.policy.retryIntervalInSeconds)),
                        ],
                    ]
                }
            ),
        ]
    }

    private static func type(_ work: ProceduralPlan.Activity.Work) -> String {
        switch work {
        case .copy: "Copy"
        case .script: "Script"
        }
    }
}
