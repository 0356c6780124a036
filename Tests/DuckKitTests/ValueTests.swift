import DuckKit
import Testing

@Suite struct ValueTests {
    @Test func `literals make values`() {
        let values: [Value] = [nil, true, 1, 1.5, "text"]
        #expect(values == [.null, .boolean(true), .bigint(1), .double(1.5), .varchar("text")])
    }

    @Test func `optionals make values or NULL`() {
        #expect([Value(1), Value(nil as Int?)] == [.bigint(1), .null])
        #expect([Value("a"), Value(nil as String?)] == [.varchar("a"), .null])
        #expect([Value(0.5), Value(nil as Double?)] == [.double(0.5), .null])
        #expect([Value(false), Value(nil as Bool?)] == [.boolean(false), .null])
    }

    @Test func `every integer type gives an Int, and one out of range none`() {
        let small: [Value] = [
            .tinyint(7), .smallint(7), .integer(7), .bigint(7), .hugeint(7), .utinyint(7), .usmallint(7), .uinteger(7),
            .ubigint(7), .uhugeint(7), .decimal(Decimal128(unscaled: 700, width: 5, scale: 2)),
        ]
        #expect(small.allSatisfy { $0.int == 7 && $0.double == 7 })
        let none: [Value] = [
            .ubigint(.max), .hugeint(.max), .uhugeint(.max), .decimal(Decimal128(unscaled: 705, width: 5, scale: 2)),
            .double(7), "7", nil, true,
        ]
        #expect(none.allSatisfy { $0.int == nil })
    }

    @Test func `a decimal gives the nearest double`() {
        #expect(Value.decimal(Decimal128(unscaled: 3, width: 3, scale: 1)).double == 0.3)
        #expect(Value.decimal(Decimal128(unscaled: -705, width: 5, scale: 2)).double == -7.05)
        #expect(Value.decimal(Decimal128(unscaled: 5, width: 2, scale: 2)).double == 0.05)
        #expect(Value.hugeint(1 << 100).double == 0x1p100)
        #expect(Value("x").double == nil)
    }

    @Test func `strings, booleans, elements and fields are taken out by type`() {
        #expect(Value.enumeration("a").string == "a")
        #expect(Value.bigint(1).string == nil)
        #expect(Value.boolean(true).bool == true)
        #expect(Value.bigint(1).bool == nil)
        #expect(Value.list([1, 2]).elements == [1, 2])
        #expect(Value.structure([.init("a", 1)])["a"] == 1)
        #expect(Value.structure([.init("a", 1)])["A"] == nil)
        #expect(Value.null.isNull)
        #expect(!Value.list([nil]).isNull)
    }

    @Test func `a big number reads and prints its digits`() {
        for text in ["0", "-1", "999999999", "1000000000", "123456789012345678901234567890", "-1000000000000000000000"]
        {
            #expect(BigNumber(text)?.description == text)
        }
        #expect(BigNumber("007")?.description == "7")
        #expect(BigNumber("-0") == BigNumber("0"))
        for text in ["", "-", "1a", "1.5", " 1"] {
            #expect(BigNumber(text) == nil)
        }
    }

    @Test func `a bit string reads zeros and ones only`() {
        #expect(BitString("0110")?.bits == [false, true, true, false])
        #expect(BitString("0120") == nil)
    }
}
