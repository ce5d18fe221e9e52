/// Reads a page of the desk as strictly as XML would: every element is closed in its order, every attribute stands in
/// double quotes, and no reference is unknown. What it returns can be compared with the template.
struct PageReader {
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    /// Elements by name and the names of their attributes, such as `a[class,href]`, with how often each comes.
    private(set) var elements: [String: Int] = [:]
    /// Values of attributes that lead somewhere.
    private(set) var links: [String] = []

    private let text: [Unicode.Scalar]
    private var place = 0
    private static let blocks: Set<String> = [
        "p", "form", "div", "ul", "ol", "dl", "table", "pre", "figure", "h1", "h2", "header", "nav", "main",
        "footer",
    ]
    private static let void: Set<String> = ["meta", "link", "input", "br"]

    init(_ page: String) throws {
        text = Array(page.unicodeScalars)
        try read()
    }

    private mutating func read() throws {
        try expect("<!DOCTYPE html>")
        var open: [String] = []
        while place < text.count {
            switch text[place] {
            case "<":
                place += 1
                if text[place] == "/" {
                    place += 1
                    let name = word()
                    guard open.popLast() == name else { throw fault("</\(name)> closes nothing") }
                    try expect(">")
                } else {
                    let (name, isClosed) = try element()
                    // A browser would end the paragraph there.
                    if Self.blocks.contains(name), open.contains("p") { throw fault("<\(name)> in a <p>") }
                    if !isClosed {
                        guard !Self.void.contains(name) else { throw fault("<\(name)> stays open") }
                        open.append(name)
                    }
                }
            case "&": try reference()
            case ">": throw fault("a bare >")
            default: try plain()
            }
        }
        guard open.isEmpty else { throw fault("\(open) stay open") }
    }

    private mutating func element() throws -> (name: String, isClosed: Bool) {
        let name = word()
        guard !name.isEmpty else { throw fault("a bare <") }
        var attributes: [String] = []
        while true {
            while text[place] == " " || text[place] == "\n" { place += 1 }
            if text[place] == ">" || text[place] == "/" { break }
            let attribute = word()
            guard !attribute.isEmpty else { throw fault("no attribute's name in <\(name)>") }
            try expect("=\"")
            var value = ""
            while text[place] != "\"" {
                guard text[place] != "<", text[place] != ">" else {
                    throw fault("a bare angle in \(attribute)")
                }
                value.unicodeScalars.append(text[place])
                if text[place] == "&" { try reference() } else { try plain() }
            }
            place += 1
            attributes.append(attribute)
            if ["href", "src", "action"].contains(attribute) { links.append(value) }
        }
        let isClosed = text[place] == "/"
        if isClosed { place += 1 }
        try expect(">")
        elements["\(name)[\(attributes.sorted().joined(separator: ","))]", default: 0] += 1
        return (name, isClosed)
    }

    private mutating func word() -> String {
        var word = ""
        while place < text.count,
            text[place].properties.isAlphabetic || text[place] == "-" || ("0"..."9").contains(text[place])
        {
            word.unicodeScalars.append(text[place])
            place += 1
        }
        return word
    }

    private mutating func reference() throws {
        for known in ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#96;"] where starts(known) {
            place += known.count
            return
        }
        throw fault("an unknown reference")
    }

    private mutating func plain() throws {
        let scalar = text[place]
        guard scalar.value >= 0x20 || scalar == "\n" || scalar == "\t", !(0x7f...0x9f).contains(scalar.value),
            !(0x202a...0x202e).contains(scalar.value)
        else { throw fault("the character \(scalar.value)") }
        place += 1
    }

    private mutating func expect(_ wanted: String) throws {
        guard starts(wanted) else { throw fault("expected \(wanted)") }
        place += wanted.unicodeScalars.count
    }

    private func starts(_ wanted: String) -> Bool {
        let scalars = Array(wanted.unicodeScalars)
        return place + scalars.count <= text.count && Array(text[place..<place + scalars.count]) == scalars
    }

    private func fault(_ words: String) -> Fault {
        let around = text[max(0, place - 60)..<min(text.count, place + 40)]
        return Fault(description: "\(words), at …\(String(String.UnicodeScalarView(around)))…")
    }
}
