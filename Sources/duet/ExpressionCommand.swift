import ArgumentParser
import DuetExpression
import DuetPipeline
import Foundation

struct ExpressionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expression",
        abstract: "Evaluates an Azure Data Factory expression and shows how.",
        discussion: """
            The state is a JSON object with parameters, variables, activities, item and so on.

            Example:
              duet expression "@concat('flights-', formatDateTime('2013-01-31', 'yyyy-MM'), '.csv')"
              duet expression "@add(pipeline().parameters.n, 1)" --state state.json
              duet expression --batch cases.jsonl
            """
    )

    @Argument(help: "The expression, as it stands in a pipeline.")
    var text: String?

    @Option(help: "A JSON file with the state that the expression sees.")
    var state: String?

    @Option(help: "A file of JSON lines {\"id\", \"expression\", \"state\"}; answers one JSON line each.")
    var batch: String?

    @Flag(help: "Print only the value, as JSON.")
    var json = false

    func validate() throws {
        if (text == nil) == (batch == nil) { throw ValidationError("give an expression, or --batch with a file") }
        if state != nil, batch != nil { throw ValidationError("the lines of a batch bring their own state") }
    }

    func run() throws {
        if let batch { return try evaluate(batch: batch) }
        let context = try state.map { try ExpressionFiles.state(at: $0) } ?? ExpressionState()
        let (output, isFailure) = ExpressionFiles.answer(text ?? "", in: context, valueOnly: json)
        Console.print(output)
        if isFailure { throw ExitCode(Console.Code.error) }
    }

    private func evaluate(batch: String) throws {
        let evaluator = BatchEvaluator()
        for line in try ExpressionFiles.text(at: batch).split(whereSeparator: \.isNewline) {
            Console.print(evaluator.answer(String(line)))
        }
    }
}
