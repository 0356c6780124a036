internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline
public import DuetReport
internal import Foundation

/// Works out what measured runs would come to in the services, at the prices of a file.
///
/// The procedural style is billed as Azure Data Factory bills it: each activity's run, the units and the minutes of each
/// Copy, and what the transforming activities run on. The declarative style is billed as a Databricks pipeline: units by
/// the second of the whole update. Durations are those measured here: what a service's machines would take is not known.
public struct PriceList: Sendable {
    private let file: PriceFile

    /// Reads the prices.
    ///
    /// - Throws: ``DuetError`` when the file is missing or wrong.
    public static func load(_ path: String) throws -> PriceList { PriceList(file: try PriceFile(path)) }

    /// Works out the bills of a comparison's runs; of several repetitions the last one's.
    public func cost(of report: ComparisonReport) -> CostReport {
        var bills: [CostReport.Bill] = []
        for step in report.steps {
            if let run = step.procedural.last {
                bills.append(.init(step: step.name, style: Style.procedural.rawValue, items: procedural(run)))
            }
            if let run = step.declarative.last {
                bills.append(.init(step: step.name, style: Style.declarative.rawValue, items: declarative(run)))
            }
        }
        let used = Set(bills.flatMap(\.items).map(\.price))
        return CostReport(
            file: URL(fileURLWithPath: file.file).lastPathComponent,
            date: file.date,
            currency: file.currency,
            sources: file.prices.filter { used.contains($0.key) }.sorted { $0.key < $1.key }
                .map { "\($0.key): \($0.value.source)" },
            assumptions: assumptions,
            bills: bills
        )
    }

    private var assumptions: [String] {
        file.assumptions.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" } + [
            "durations are those measured on this machine, and not what a service's machines would take",
            "storage, networks, virtual machines under Databricks and idle time are not in it",
        ]
    }

    private func assumed(_ name: String, _ standard: Double) -> Double {
        file.assumptions[name].flatMap(Double.init) ?? standard
    }

    private func item(_ name: String, _ quantity: Double, _ unit: String) -> CostReport.Item? {
        guard let price = file.prices[name], quantity > 0 else { return nil }
        return .init(price: name, quantity: quantity, unit: unit, amount: quantity / price.per * price.amount)
    }

    /// Hours of durations that are rounded up, each by itself.
    private func hours(_ seconds: [Double], _ price: String) -> Double {
        let step = file.prices[price]?.roundingSeconds ?? 0
        return seconds.reduce(0) { $0 + (step > 0 ? ($1 / step).rounded(.up) * step : $1) } / 3600
    }

    private func procedural(_ run: RunMeasures) -> [CostReport.Item] {
        let ran = run.events.filter { [.stepCompleted, .stepFailed, .stepRetried].contains($0.kind) }
        let seconds = { (kind: RunEvent.StepKind) in
            ran.filter { $0.stepKind == kind && $0.kind != .stepRetried }.map { max(0.001, $0.measures?.seconds ?? 0) }
        }
        var items = [
            item("adf_activity_run", Double(ran.count), "activity runs"),
            item(
                "adf_diu_hour",
                hours(seconds(.transfer), "adf_diu_hour") * assumed("copy_diu", 4),
                "DIU-hours"
            ),
        ]
        if file.assumptions["transform"] == "external" {
            items.append(item("adf_external_hour", hours(seconds(.dataset), "adf_external_hour"), "hours"))
        } else {
            let name = "adf_data_flow_vcore_hour"
            items.append(item(name, hours(seconds(.dataset), name) * assumed("data_flow_vcores", 8), "vCore-hours"))
        }
        return items.compactMap { $0 } + models(run)
    }

    private func declarative(_ run: RunMeasures) -> [CostReport.Item] {
        let name = "dbu_\(file.assumptions["dlt_tier"] ?? "core")"
        let units = hours([run.seconds], name) * assumed("dbu_per_hour", 2)
        return [item(name, units, "DBU")].compactMap { $0 } + models(run)
    }

    /// What models were asked and answered.
    private func models(_ run: RunMeasures) -> [CostReport.Item] {
        let tokens = run.modelTokens
        return [
            item("model_input_token", Double(tokens.input), "tokens"),
            item("model_output_token", Double(tokens.output), "tokens"),
        ].compactMap { $0 }
    }
}
