internal import DuetPipeline
internal import DuetReport

/// Plans for people and machines.
enum PlanText {
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
