/// A member of a job that can't be taken.
package struct FieldFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// As it is named in JSON; `nil`: it is about the whole.
    package let field: String?
    /// What was expected, and what was found.
    package let message: String

    package init(field: String?, message: String) {
        self.field = field
        self.message = message
    }

    package var description: String { message }
}

extension NewJob {
    /// The first member that is out of its bounds, in the words that every way into the queue uses; `nil` when the queue
    /// takes the job. How far away `runAt` is only the database's clock can tell.
    ///
    /// Measures args and meta, unless they were read from a document before.
    package var fault: FieldFault? {
        if let fault = nameFault("kind", kind) { return fault }
        if let queue, let fault = nameFault("queue", queue) { return fault }
        if let message = args.refusal(as: "args", bytesMax: Bounds.argsBytesMax) {
            return FieldFault(field: "args", message: message)
        }
        if let message = meta?.refusal(as: "meta", bytesMax: Bounds.metaBytesMax) {
            return FieldFault(field: "meta", message: message)
        }
        return textFault("subject", subject, 1...Bounds.subjectBytesMax)
            ?? textFault("key", key, 1...Bounds.keyBytesMax)
            ?? textFault("key_scope", keyScope, 0...Bounds.keyBytesMax)
            ?? textFault("limit_key", limitKey, 0...Bounds.subjectBytesMax)
            ?? timeFault ?? attemptsFault
    }

    private func nameFault(_ field: String, _ name: String) -> FieldFault? {
        guard !Definition.isName(name) else { return nil }
        return FieldFault(
            field: field,
            message:
                "\(field): expected a name of a-z, 0-9, _ and -, at most \(Bounds.nameBytesMax) bytes, found “\(name.shortened)”"
        )
    }

    private func textFault(_ field: String, _ text: String?, _ range: ClosedRange<Int>) -> FieldFault? {
        guard let text else { return nil }
        let count = text.utf8.count
        guard range.contains(count) else {
            return FieldFault(
                field: field,
                message:
                    "\(field): expected \(range.lowerBound) to \(range.upperBound) bytes, found \(count)")
        }
        guard !text.utf8.contains(0) else {
            return FieldFault(
                field: field,
                message: "\(field): expected a text without NUL, found \\u0000, which can't be stored")
        }
        return nil
    }

    private var timeFault: FieldFault? {
        guard let delay else { return nil }
        guard runAt == nil else {
            return FieldFault(field: "run_at", message: "run_at: expected run_at or delay, found both")
        }
        guard delay < .zero || delay > Bounds.delayMax else { return nil }
        return FieldFault(field: "delay", message: "delay: expected 0 s to ten years, found \(delay.text)")
    }

    private var attemptsFault: FieldFault? {
        guard let attemptsMax, !(1...Bounds.attemptsMax).contains(attemptsMax) else { return nil }
        return FieldFault(
            field: "attempts",
            message: "attempts: expected a whole number from 1 to \(Bounds.attemptsMax), found \(attemptsMax)"
        )
    }
}

extension String {
    /// As much of it as a sentence can hold.
    var shortened: String { count > 60 ? prefix(59) + "…" : self }
}
