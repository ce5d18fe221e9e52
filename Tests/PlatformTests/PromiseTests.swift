import Platform
import TestSupport
import Testing

@Suite("A promise")
struct PromiseTests {
    @Test("is answered once: the first answer counts and a later one does nothing")
    func once() async throws {
        let answers = Lock<[Bool]>([])
        let value = try await Promise<Int>.wait { promise in
            answers.withLock { answers in
                answers.append(promise.resolve(.success(1)))
                answers.append(promise.resolve(.success(2)))
                answers.append(promise.resolve(.failure(Broken())))
            }
        }
        #expect(value == 1)
        #expect(answers.withLock { $0 } == [true, false, false])
    }

    @Test("that is dropped without an answer ends the wait")
    func dropped() async throws {
        await #expect(throws: WaitError.abandoned) { try await Promise<Int>.wait { _ in } }
        let kept = Lock<[Promise<Int>]>([])
        let task = Task { try await Promise<Int>.wait { promise in kept.withLock { $0.append(promise) } } }
        try await eventually { kept.withLock { !$0.isEmpty } }
        kept.withLock { $0 = [] }
        #expect(await task.result.waitError == .abandoned)
    }

    @Test("of a cancelled task ends the wait; an answer that was there before still counts")
    func cancelled() async throws {
        let kept = Lock<[Promise<Int>]>([])
        let task = Task { try await Promise<Int>.wait { promise in kept.withLock { $0.append(promise) } } }
        try await eventually { kept.withLock { !$0.isEmpty } }
        task.cancel()
        #expect(await task.result.isCancellation)
        #expect(kept.withLock { $0[0].resolve(.success(1)) } == false)

        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await Promise<Int>.wait { $0.resolve(.success(7)) }
        }
        #expect(await late.result.value == 7)
    }

    @Test("answered by many threads, cancelled and dropped at the same time resumes its waiter once")
    func race() async throws {
        for _ in 0..<2000 {
            let task = Task {
                try await Promise<Int>.wait { promise in
                    Task { promise.resolve(.success(1)) }
                    Task { promise.resolve(.failure(Broken())) }
                }
            }
            Task { task.cancel() }
            let result = await task.result
            #expect(result.value == 1 || result.error is Broken || result.isCancellation)
        }
    }
}
