import DuckKit
import DuetEngine
import DuetFactory
import DuetProcedural
import DuetTestSupport
import Testing

/// Functions of the data flow language: what they give for values that the service's documentation tells the answer to.
@Suite struct DataFlowFunctionTests {
    private let people =
        "source(output(id as integer, name as string, town as string, age as integer), allowSchemaDrift: true) ~> S\n"

    /// What each expression gives for Ann, 30, of Bern; all of them are computed by one flow.
    private func answers(_ cases: [(String, String)], _ comment: Comment? = nil) async throws {
        let columns = cases.enumerated().map { "x\($0) = \($1.0)" }.joined(separator: ",\n")
        let names = cases.indices.map { "x\($0)" }.joined(separator: ", ")
        let fixture = try DataFlowFixture()
        let run = try await fixture.run(
            people
                + "S filter(id == 1) ~> F\nF derive(\(columns)) ~> D\nD select(mapColumn(\(names))) ~> E\nE sink() ~> Out\n"
        )
        if let failure = run.failure { throw failure }
        let row = try fixture.warehouse.connect().rows("FROM sales.result")[0].map(\.description)
        for ((expression, expected), found) in zip(cases, row) {
            #expect(found == expected, "\(expression)")
        }
    }

    @Test func `texts`() async throws {
        try await answers([
            ("soundex('genius')", "G520"), ("soundex('Tymczak')", "T522"), ("soundex('Pfister')", "P236"),
            ("soundex('Ashcraft')", "A261"), ("soundex('Robert')", "R163"), ("soundex('Honeyman')", "H555"),
            ("soundex('A')", "A000"), ("soundex('7up')", "7up"), ("soundex(toString(null()))", "NULL"),
            ("regexSplit('oneAtwoBthree', `[CAB]`)", "[one, two, three]"), ("jaroWinkler('frog', 'frog')", "1.0"),
            ("escape('a\"b', 'json')", #"a\"b"#), ("unescape('a\\\\nb', 'json')", "a\nb"),
            ("escape('<a & b>', 'xml')", "&lt;a &amp; b&gt;"), ("unescape('&lt;a &amp; b&gt;', 'html')", "<a & b>"),
            ("hex(toBinary('az'))", "617a"), ("hex(unhex('1fadbe'))", "1fadbe"), ("'abc' <=> 'Abc'", "true"),
            ("iifNull('azure', 'data', 'factory')", "factory"),
            ("iifNull(toString(null()), 'data', 'factory')", "data"),
            ("expr('name + town')", "AnnBern"), ("hasColumn('town')", "true"), ("hasColumn('nothing')", "false"),
            ("notNull(name)", "true"), ("byName('age') ? string", "30"),
        ])
    }

    @Test func `numbers`() async throws {
        try await answers([
            ("cosh(0)", "1.0"), ("sinh(0)", "0.0"), ("tanh(0)", "0.0"), ("minus(20, 12)", "8"),
            ("round(2.5, 0)", "3"), ("round(2.5, 0, 7)", "2.0"), ("round(2.51, 1, 3)", "2.6"),
            ("round(2.59, 1, 4)", "2.5"),
            ("round(-2.5, 0, 6)", "-2.0"), ("round(2.1, 0, 1)", "3.0"), ("round(-2.9, 0, 2)", "-2.0"),
            ("toString(123456.789, '##,###.##')", "123,456.79"), ("toString(123.78, '000000.000')", "000123.780"),
            ("toString(5, '#,##0.0#')", "5.0"), ("toInteger('$123', '$###')", "123"),
            ("toDouble('$123.45', '$###.00')", "123.45"), ("toDecimal(123.45)", "123.45"), ("0 ^ 5", "5"),
            ("true() ^ true()", "false"), ("isByte('123')", "true"), ("isByte('300')", "false"),
            ("isShort('x')", "false"),
            ("isFloat('1.5')", "true"), ("isDecimal('12/12/2000')", "false"), ("isInteger('$123', '$###')", "true"),
            ("partitionId()", "0"), ("random(1) >= 0", "true"), ("isDate('12/18/2012', 'MM/dd/yyyy')", "true"),
            ("isDate('2012-13-01')", "false"), ("isTimestamp('2016-12-31 00:12:00')", "true"),
            ("isTimestamp('2012-8222.18')", "false"),
        ])
    }

    @Test func `moments`() async throws {
        try await answers([
            ("monthsBetween(toTimestamp('1997-02-28 10:30:00'), toDate('1996-10-30'))", "3.94959677"),
            ("monthsBetween(toDate('2024-03-31'), toDate('2024-02-29'))", "1.0"),
            ("fromUTC(toTimestamp('2024-07-01 12:00:00'), 'Asia/Seoul')", "2024-07-01 21:00:00"),
            ("toUTC(toTimestamp('2024-07-01 21:00:00'), 'Asia/Seoul')", "2024-07-01 12:00:00"),
        ])
    }

    @Test func `arrays`() async throws {
        try await answers([
            ("except([10, 20, 30, 10], [20, 40])", "[10, 30]"), ("intersect([10, 20, 30], [20, 40])", "[20]"),
            ("union([10, 20, 30, 10], [20, 40])", "[10, 20, 30, 40]"), ("distinct([3, 1, 3, 2, 1])", "[3, 1, 2]"),
            ("find([10, 20, 30], #item > 10)", "20"), ("find(['a', 'b'], length(#item) > 4)", "NULL"),
            ("mapIf([10, 20, 30], #item > 10, #item + 5)", "[25, 35]"), ("mapLoop(3, #index * 10)", "[10, 20, 30]"),
            ("mapIndex([1, 2, 3, 4], #item + 2 + #index)", "[4, 6, 8, 10]"),
            ("sort([4, 8, 2, 3], compare(#item1, #item2))", "[2, 3, 4, 8]"),
            ("sort([4, 8, 2, 3], compare(#item2, #item1))", "[8, 4, 3, 2]"),
            ("sort(['a3', 'b2', 'c1'], iif(right(#item1, 1) >= right(#item2, 1), 1, -1))", "[c1, b2, a3]"),
            ("sort(['a3', 'b2', 'c1'], iif(right(#item1, 1) >= right(#item2, 1), -1, 1))", "[a3, b2, c1]"),
            ("toString(reduce(['1', '2', '3', '4'], '0', #acc + #item, #result))", "01234"),
            ("reduce(['1', '2'], '0', #acc + #item, upper(#result) + '!')", "012!"), ("at(['x', 'y'], 1)", "x"),
            ("at(['x', 'y'], 7)", "NULL"), ("contains([1, 2, 3], #item == 3)", "true"),
        ])
    }

    @Test func `maps`() async throws {
        try await answers([
            ("at(['fruit' -> 'apples', 'vegetable' -> 'carrot'], 'fruit')", "apples"),
            ("size(['a' -> 1, 'b' -> 2])", "2"), ("associate('a', 1, 'b', 2)['b']", "2"),
            ("keyValues(['a', 'b'], [1, 2])['a']", "1"),
            ("reassociate(['fruit' -> 'apple'], substring(#key, 1, 1) + substring(#value, 1, 1))['fruit']", "fa"),
            ("mapAssociation(['a' -> 'x', 'b' -> 'y'], #key + #value)", "[ax, by]"),
        ])
    }

    @Test func `items of structures by names and paths`() async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + """
                S filter(id == 1) ~> F
                F derive(customer = @(orders = [@(item = 'a', n = 1), @(item = 'b', n = 2)], who = @(first = name))) ~> A
                A derive(items = byItem(byItem(byName('customer'), 'orders'), 'item'),
                    first = byItem(byItem(customer, 'who'), 'first') ? string,
                    path = hasPath('customer.who.first'), none = hasPath('customer.who.last'),
                    lost = byItem(byName('customer'), 'nothing')) ~> B
                B select(mapColumn(items, first, path, none, lost)) ~> C
                C sink() ~> Out

                """
        )
        #expect(lines == ["[a, b]|Ann|true|false|NULL"])
    }

    @Test func `unfold makes a row of each element`() async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + "S filter(id <= 2) ~> F\nF derive(part = unfold(['a', 'b'])) ~> A\nA select(mapColumn(id, part)) ~> B\nB sink() ~> Out\n"
        )
        #expect(lines == ["1|a", "1|b", "2|a", "2|b"])
    }

    @Test func `aggregates with a condition, and whether columns are distinct`() async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + """
                S aggregate(m = meanIf(age > 28, age), s = sumDistinctIf(true(), age), d = isDistinct(id), t = isDistinct(town),
                    v = varianceIf(age > 28, age), c = covariancePopulationIf(age > 28, age, id), k = corrIf(id <= 2, id, age)) ~> A
                A sink() ~> Out

                """
        )
        #expect(lines == ["35.0|95|true|false|50.0|2.5|1.0"])
    }

    @Test(arguments: ["true", "false"])
    func `isMatch says whether a lookup has found something`(multiple: String) async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + """
                source(output(town as string, land as string)) ~> T
                T, S lookup(T@town == S@town, multiple: \(multiple), pickup: 'any') ~> L
                L derive(found = isMatch()) ~> A
                A aggregate(groupBy(town = T@town), found = max(iif(found, 1, 0))) ~> B
                B sink() ~> Out

                """
        )
        #expect(lines == ["Bern|1", "Ulm|1", "Wien|0"])
    }

    @Test func `rows that a lookup has not found can be split off`() async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + """
                source(output(town as string, land as string)) ~> T
                T, S lookup(T@town == S@town, multiple: false) ~> L
                L split(isMatch()) ~> P@(yes, no)
                P@no select(mapColumn(land)) ~> B
                B sink() ~> Out

                """
        )
        #expect(lines == ["AT"])
    }

    @Test func `nextSequence gives each row a number of its own`() async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + "S derive(n = nextSequence()) ~> A\nA aggregate(groupBy(all = 1), few = countDistinct(n), rows = count(1)) ~> B\nB select(mapColumn(few, rows)) ~> C\nC sink() ~> Out\n"
        )
        #expect(lines == ["4|4"])
    }

    @Test func `mlookup gives all rows of a cached sink, and typeMatch chooses columns`() async throws {
        let lines = try await DataFlowFixture().lines(
            people
                + """
                source(output(town as string, land as string)) ~> T
                S sink(store: 'cache', format: 'inline', keys: ['town'], saveOrder: 1) ~> cached
                T derive(n = size(cached#mlookup(town))) ~> A
                A select(mapColumn(each(match(typeMatch(type, 'string')), upper($$) = $$), n)) ~> B
                B sink(saveOrder: 2) ~> Out

                """
        )
        #expect(lines == ["Bern|CH|2", "Ulm|DE|1", "Wien|AT|0"])
    }

    @Test(arguments: [
        ("sort([1, 2], iif(#item1 > 3, 1, -1))", "sorts arrays by a value"),
        ("round(1.5, 0, 9)", "no mode of rounding"),
        ("escape('a', 'csv')", "no format to escape"), ("toString(1.5, '0.0%')", "no pattern of a number"),
        ("expr('1 +')", "is no expression"),
    ])
    func `what a function cannot do is told with its place`(expression: String, told: String) async throws {
        let run = try await DataFlowFixture().run(people + "S derive(x = \(expression)) ~> A\nA sink() ~> Out\n")
        let message = run.failure?.message ?? ""
        #expect(message.contains(told) && message.contains("Flow.json:1:"), "\(message)")
    }

    @Test func `the language's documented functions are known, but for those that the docs name`() {
        let names = """
            abs acos add addDays addMonths and asin atan atan2 between bitwiseAnd bitwiseOr bitwiseXor case cbrt ceil \
            coalesce columnNames columns compare concat concatWS cos cosh crc32 currentDate currentTimestamp currentUTC \
            dayOfMonth dayOfWeek dayOfYear days degrees divide dropLeft dropRight endsWith equals equalsIgnoreCase escape \
            expr factorial floor fromBase64 fromUTC greater greaterOrEqual greatest hasColumn hour hours iif iifNull \
            initCap instr isDelete isError isIgnore isInsert isMatch isNull isUpdate isUpsert jaroWinkler lastDayOfMonth \
            least left length lesser lesserOrEqual levenshtein like locate log log10 lower lpad ltrim md5 millisecond \
            milliseconds minus minute minutes mod month monthsBetween multiply negate nextSequence not notEquals notNull \
            null or pMod partitionId power radians random regexExtract regexMatch regexReplace regexSplit replace reverse \
            right rlike round rpad rtrim second seconds sha1 sha2 sin sinh soundex split sqrt startsWith subDays subMonths \
            substring tan tanh translate trim typeMatch unescape upper uuid weekOfYear weeks xor year approxDistinctCount \
            avg avgIf collect count countDistinct countIf covariancePopulation covariancePopulationIf covarianceSample \
            covarianceSampleIf first isDistinct kurtosis kurtosisIf last max maxIf mean meanIf min minIf skewness \
            skewnessIf stddev stddevIf stddevPopulation stddevPopulationIf stddevSample stddevSampleIf sum sumDistinct \
            sumDistinctIf sumIf variance varianceIf variancePopulation variancePopulationIf varianceSample varianceSampleIf \
            array at contains distinct except filter find flatten in intersect map mapIf mapIndex mapLoop reduce size slice \
            sort unfold union lookup mlookup output outputs isBoolean isByte isDate isShort isInteger isLong isNan isFloat \
            isDouble isDecimal isTimestamp toBase64 toBinary toBoolean toByte toDate toDecimal toDouble toFloat toInteger \
            toLong toShort toString toTimestamp toUTC associate keyValues mapAssociation reassociate byItem byOrigin \
            byOrigins byName byNames byPath byPosition hasPath originColumns hex unhex cumeDist denseRank lag lead nTile \
            rank rowNumber
            """
        let unknown = names.split(separator: " ").filter { !DataFlowFunctions.isKnown($0.lowercased()) }
        #expect(unknown == [])
    }
}
