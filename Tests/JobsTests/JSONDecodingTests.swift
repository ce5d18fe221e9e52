import Jobs
import Testing

@Suite("Args as a kind gets them")
struct JSONDecodingTests {
    private struct Args: Decodable, Equatable {
        enum Word: String, Decodable { case yes, no }
        struct Inner: Decodable, Equatable { let deep: [Int] }
        let id: Int64
        let ratio: Double
        let name: String
        let isOn: Bool
        let word: Word
        let tags: [String]
        let map: [String: Int]
        let inner: Inner
        let missing: Int?
        let null: Int?
    }

    @Test("are decoded from the same reading that accepted them")
    func all() throws {
        let text = #"""
            {"id": 9223372036854775807, "ratio": 0.30000000000000004, "name": "\ud83d\ude00\n\u00fc", "isOn": true,
             "word": "yes", "tags": ["a", "b"], "map": {"x": 1e3, "y": 2.0}, "inner": {"deep": [1, 2]}, "null": null,
             "unknown": {}}
            """#
        let args = try JSON(text: text).parts().decode(Args.self)
        #expect(args.id == .max && args.ratio == 0.1 + 0.2 && args.name == "😀\nü" && args.isOn)
        #expect(args.word == .yes && args.tags == ["a", "b"] && args.map == ["x": 1000, "y": 2])
        #expect(args.inner.deep == [1, 2] && args.missing == nil && args.null == nil)
    }

    @Test("the last of two members of one name counts")
    func twice() throws {
        #expect(try JSON(text: #"{"a": 1, "a": 2}"#).parts().decode([String: Int].self) == ["a": 2])
    }

    @Test("a value of another kind is a decoding error that names its place")
    func wrong() throws {
        func path(_ text: String) -> [String]? {
            do {
                _ = try JSON(text: text).parts().decode([String: [Int8]].self)
                return nil
            } catch let error as DecodingError {
                switch error {
                case .typeMismatch(_, let context), .valueNotFound(_, let context),
                    .dataCorrupted(let context),
                    .keyNotFound(_, let context):
                    return context.codingPath.map(\.stringValue)
                @unknown default: return nil
                }
            } catch { return nil }
        }
        #expect(path(#"{"a": [1, "2"]}"#) == ["a", "1"])
        #expect(path(#"{"a": [1, 2, 300]}"#) == ["a", "2"])
        #expect(path(#"{"a": [1.5]}"#) == ["a", "0"])
        #expect(path(#"{"a": [null]}"#) == ["a", "0"])
        #expect(path(#"{"a": {}}"#) == ["a"])
        #expect(path("[]") == [])
    }

    @Test("a number that a type does not hold is refused and never rounded", arguments: ["1e400", "-1e400"])
    func infinite(text: String) throws {
        let part = try JSON(text: text).parts()
        #expect(throws: DecodingError.self) { try part.decode(Double.self) }
        #expect(throws: DecodingError.self) { try part.decode(Int.self) }
        #expect(throws: DecodingError.self) { try JSON(text: "9007199254740993.0").parts().decode(Int.self) }
    }

    @Test("what is nested 128 deep is decoded, as it is accepted")
    func deep() throws {
        indirect enum Nest: Decodable {
            case end
            case more(Nest)
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                self = container.isAtEnd ? .end : .more(try container.decode(Nest.self))
            }
        }
        let text = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try JSON(text: text).parts().decode(Nest.self)
    }
}
