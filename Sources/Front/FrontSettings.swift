/// What the front is told from outside.
package struct FrontSettings: Sendable {
    package init() {}
}
