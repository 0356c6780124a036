/// Something outside the expression that it reads.
public struct ExpressionReference: Sendable, Hashable {
    /// What is read.
    public enum Kind: Sendable, Hashable {
        /// `pipeline().parameters.x`.
        case parameter
        /// `pipeline().globalParameters.x`.
        case globalParameter
        /// `pipeline().RunId` and the like.
        case systemVariable
        /// `variables('x')`.
        case variable
        /// `activity('x')`.
        case activity
        /// `dataset().x`, a dataset's parameter.
        case dataset
        /// `linkedService().x`, a linked service's parameter.
        case linkedService
        /// `item()`; the name is the property read from it.
        case item
        /// `trigger().x` or `triggerBody().x`.
        case trigger

        init(_ root: SyntaxTree.Root) {
            self =
                switch root {
                case .pipeline: .systemVariable
                case .variables: .variable
                case .activity: .activity
                case .item: .item
                case .dataset: .dataset
                case .linkedService: .linkedService
                case .trigger, .triggerBody: .trigger
                }
        }
    }

    /// What is read.
    public let kind: Kind
    /// Its name as written; nil if the name is computed, or if the whole collection is read.
    public let name: String?
    /// Where it stands, in UTF-16 offsets from the start of the text.
    public let range: Range<Int>
}
