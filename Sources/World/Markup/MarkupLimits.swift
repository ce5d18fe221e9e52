/// What one page may use up.
package struct MarkupLimits: Sendable, Equatable {
    /// Its bytes as they came.
    package var bytesMax = 8 << 20
    /// How deep its elements may be nested; libxml2 itself stops at 256.
    package var depthMax = 200
    /// Elements, attributes, texts and comments together.
    package var nodesMax = 400_000
    /// Processor time of the thread that reads it, so that a busy machine changes nothing.
    package var parseTimeMax: Duration = .seconds(2)
    /// Steps of one question; some ten million are a second.
    package var stepsMax = 10_000_000

    package init() {}
}
