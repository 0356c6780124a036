/// The activity types duet can run; other types of the service are known by name only.
public enum ActivityKind: String, Sendable, Hashable, CaseIterable {
    // The raw values are the service's own type names.
    case appendVariable = "AppendVariable"
    case azureFunction = "AzureFunctionActivity"
    case azureDataExplorer = "AzureDataExplorerCommand"
    case azureMLBatchExecution = "AzureMLBatchExecution"
    case azureMLExecutePipeline = "AzureMLExecutePipeline"
    case azureMLUpdateResource = "AzureMLUpdateResource"
    case copy = "Copy"
    case custom = "Custom"
    case databricksJob = "DatabricksJob"
    case databricksNotebook = "DatabricksNotebook"
    case databricksSparkJar = "DatabricksSparkJar"
    case databricksSparkPython = "DatabricksSparkPython"
    case dataLakeAnalytics = "DataLakeAnalyticsU-SQL"
    case delete = "Delete"
    case executeDataFlow = "ExecuteDataFlow"
    case executePipeline = "ExecutePipeline"
    case executeSSISPackage = "ExecuteSSISPackage"
    case fail = "Fail"
    case filter = "Filter"
    case forEach = "ForEach"
    case getMetadata = "GetMetadata"
    case hdInsightHive = "HDInsightHive"
    case hdInsightMapReduce = "HDInsightMapReduce"
    case hdInsightPig = "HDInsightPig"
    case hdInsightSpark = "HDInsightSpark"
    case hdInsightStreaming = "HDInsightStreaming"
    case ifCondition = "IfCondition"
    case lookup = "Lookup"
    case script = "Script"
    case setVariable = "SetVariable"
    case storedProcedure = "SqlServerStoredProcedure"
    case switchCase = "Switch"
    case sparkJob = "SparkJob"
    case synapseNotebook = "SynapseNotebook"
    case until = "Until"
    case validation = "Validation"
    case wait = "Wait"
    case webActivity = "WebActivity"
    case webHook = "WebHook"

    /// The kind of a type name, whose case does not count.
    init?(type: String) {
        guard let kind = Self.byName[type.lowercased()] else { return nil }
        self = kind
    }

    private static let byName = Dictionary(
        allCases.map { ($0.rawValue.lowercased(), $0) },
        uniquingKeysWith: { first, _ in first }
    )

    /// Whether it only steers, and does no work outside the run: it has no retries and no time limit of its own.
    public var isControl: Bool {
        switch self {
        case .appendVariable, .executePipeline, .fail, .filter, .forEach, .ifCondition, .setVariable, .switchCase,
            .until, .wait:
            true
        default: false
        }
    }

    /// Whether it runs on a machine of a service, for which a program stands in here.
    public var isCommand: Bool {
        switch self {
        case .azureDataExplorer, .azureMLBatchExecution, .azureMLExecutePipeline, .azureMLUpdateResource, .custom,
            .databricksJob, .databricksNotebook, .databricksSparkJar, .databricksSparkPython, .dataLakeAnalytics,
            .executeSSISPackage, .hdInsightHive, .hdInsightMapReduce, .hdInsightPig, .hdInsightSpark,
            .hdInsightStreaming, .sparkJob, .synapseNotebook:
            true
        default: false
        }
    }

    /// Whether it holds other activities.
    public var isContainer: Bool { !branchProperties.isEmpty }

    /// The properties of `typeProperties` that hold activities.
    var branchProperties: [String] {
        switch self {
        case .forEach, .until: ["activities"]
        case .ifCondition: ["ifTrueActivities", "ifFalseActivities"]
        case .switchCase: ["cases", "defaultActivities"]
        default: []
        }
    }

    /// The properties of `typeProperties` the service refuses to do without.
    ///
    /// Source: the required members of each activity in the ARM schema Microsoft.DataFactory 2018-06-01.
    package var requiredProperties: [String] {
        switch self {
        case .appendVariable: ["variableName", "value"]
        case .azureFunction: ["functionName", "method"]
        case .azureDataExplorer: ["command"]
        case .azureMLUpdateResource: ["trainedModelFilePath", "trainedModelLinkedServiceName", "trainedModelName"]
        case .copy: ["source", "sink"]
        case .custom: ["command"]
        case .databricksJob: ["jobId"]
        case .databricksNotebook: ["notebookPath"]
        case .databricksSparkJar: ["mainClassName"]
        case .dataLakeAnalytics: ["scriptPath", "scriptLinkedService"]
        case .databricksSparkPython: ["pythonFile"]
        case .delete, .getMetadata, .validation: ["dataset"]
        case .executeDataFlow: ["dataFlow"]
        case .executePipeline: ["pipeline"]
        case .fail: ["message", "errorCode"]
        case .filter: ["items", "condition"]
        case .forEach: ["items", "activities"]
        case .ifCondition: ["expression"]
        case .lookup: ["source", "dataset"]
        case .executeSSISPackage: ["packageLocation", "connectVia"]
        case .hdInsightMapReduce: ["className", "jarFilePath"]
        case .hdInsightSpark: ["rootPath", "entryFilePath"]
        case .hdInsightStreaming: ["mapper", "reducer", "input", "output", "filePaths"]
        case .azureMLBatchExecution, .azureMLExecutePipeline, .hdInsightHive, .hdInsightPig, .script: []
        case .sparkJob: ["sparkJob"]
        case .setVariable: ["variableName"]
        case .storedProcedure: ["storedProcedureName"]
        case .switchCase: ["on"]
        case .synapseNotebook: ["notebook"]
        case .until: ["expression", "activities"]
        case .wait: ["waitTimeInSeconds"]
        case .webActivity, .webHook: ["method", "url"]
        }
    }

    /// Types of the service that need a machine duet does not have; they are kept and reported, not run.
    ///
    /// Source: the ARM schema Microsoft.DataFactory 2018-06-01, with the two types of Fabric seen in public factories.
    static let knownElsewhere: Set<String> = [
        "executewranglingdataflow", "tridentnotebook", "pbisemanticmodelrefresh", "office365outlook",
        "refreshdataflow", "sqlpoolstoredprocedure",
    ]
}
