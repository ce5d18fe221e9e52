import Front
import Testing

@Suite struct RoleTests {
    @Test("an operator may do what a producer may, who may do what a reader may; money stands apart")
    func order() {
        let may: [Role: Set<Role>] = [
            .anyone: [.anyone], .reader: [.anyone, .reader], .producer: [.anyone, .reader, .producer],
            .operator: [.anyone, .reader, .producer, .operator], .money: [.anyone, .money],
        ]
        for role in Role.allCases {
            let allowed = Set(Role.allCases.filter { role.suffices(for: $0) })
            #expect(allowed == may[role], "\(role)")
        }
    }
}
