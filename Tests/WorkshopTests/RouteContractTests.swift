import FoundationEssentials
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Workshop

@Suite("The clients' contract")
struct RouteContractTests {
    @Test("Every line of the contract holds")
    func table() async throws {
        try await withShop { shop in
            try await ContractRow.fill(shop)
            var broken: [String] = []
            for row in ContractRow.all {
                let answer = await shop.ask(row.target, row.method)
                for difference in row.differences(answer) {
                    broken.append("\(row.name) (\(row.target)): \(difference)")
                }
            }
            let report = broken.joined(separator: "\n")
            #expect(broken.isEmpty, "\(report)")
            let count = ContractRow.all.count
            #expect(count >= 150)
            print("Open Workshop's contract: \(count) lines asked, \(broken.count) differences")
        }
    }

    @Test("A row of the table can fail")
    func rowsBite() async throws {
        try await withShop { shop in
            let answer = await shop.ask("/info/mod/1")
            let wrong: [ContractRow] = [
                .init("status", "", 404), .init("body", "", 200, .body("{}")),
                .init("contains", "", 200, .contains("abc")),
                .init("lacks", "", 200, .lacks("null")), .init("ids", "", 200, .ids([1])),
                .init("member", "", 200, .member("result", "1")),
                .init("header", "", 200, .header("Allow", "GET")),
                .init("keys", "", 200, .keys(["id"])), .init("file", "", 200, .file("attachment")),
            ]
            for row in wrong { #expect(!row.differences(answer).isEmpty, "\(row.name)") }
            let bare = await shop.ask("/health")
            #expect(
                ContractRow("not ours", "/health").differences(bare).count == 2,
                "no CORS on the engine's paths")
        }
    }

    @Test("What the database can't answer is told in the clients' form")
    func away() async throws {
        try await withShop { shop in
            await shop.store.close()
            let list = await shop.ask("/list/mods/")
            #expect(list.status == 503 || list.status == 500)
            #expect(list.text.hasPrefix(#"{"detail":""#))
            #expect(list.header("Access-Control-Allow-Origin") == "*")
            #expect(await shop.ask("/info/queue/size").text == "-1")
        }
    }
}
