internal import Front
internal import HTTPServer
internal import Jobs
internal import Platform

/// What was counted.
extension WorkshopRoutes {
    var counts: [Route] { [delay, hour, day, totals, typeMap] }

    private static let conflict = Refusal(409, "conflicting request", 3)

    private var delay: Route {
        OpenWorkshop.route(
            "/statistics/delay", "Tell how long answers took lately", answers: [Self.okay],
            about:
                "Means of the last 20, in milliseconds; 0: nothing is known. `fast`: a file that was here. `full`: from "
                + "the request to a file that was fetched."
        ) { _ in
            statistics.count(.statisticsDelay)
            await statistics.flush()
            let (fast, full) = try await catalogue.delays()
            return Told.json(.object([("fast", .int(fast)), ("full", .int(full))]))
        }
    }

    private var hour: Route {
        OpenWorkshop.route(
            "/statistics/hour", "Tell what was counted today, by the hour",
            [
                .init("start_hour", in: .query, "the first hour, 0 unless said", .integer()),
                .init("end_hour", in: .query, "the last hour, 23 unless said", .integer()),
                Self.word("select_date", "taken and passed over, as by the reference: it is always today"),
            ],
            answers: [
                .init(200, "date_time, type and count, by time", .array(of: Schema([("type", "object")]))),
                .init(409, "the first hour lies behind the last: message, error_id 3"),
                .init(412, "an hour out of 0 to 23: message, error_id 1 or 2"), Self.unreadable,
            ]
        ) { exchange in
            var arguments = Arguments(exchange)
            let first = arguments.integer("start_hour", 0)
            let last = arguments.integer("end_hour", 23)
            try arguments.check()
            statistics.count(.statisticsHour)
            guard (0...23).contains(first) else { throw Refusal(412, "start_hour exits 24 hour format", 1) }
            guard (0...23).contains(last) else { throw Refusal(412, "end_hour exits 24 hour format", 2) }
            guard first <= last else { throw Self.conflict }
            await statistics.flush()
            let hours = try await catalogue.hours(Int(first)...Int(last))
            return Told.json(
                .array(
                    hours.map {
                        .object([
                            ("date_time", .string($0.at.python)), ("type", .string($0.type)),
                            ("count", .int($0.count)),
                        ])
                    }))
        }
    }

    private var day: Route {
        OpenWorkshop.route(
            "/statistics/day", "Tell what was counted, by the day",
            [
                Self.word("start_date", "the first day, YYYY-MM-DD; six days before the last unless said"),
                Self.word("end_date", "the last day, YYYY-MM-DD; today unless said"),
            ],
            answers: [
                .init(200, "date, type and count, by date", .array(of: Schema([("type", "object")]))),
                .init(409, "the first day lies behind the last: message, error_id 3"), Self.unreadable,
            ]
        ) { exchange in
            var arguments = Arguments(exchange)
            let first = arguments.date("start_date")
            let last = arguments.date("end_date")
            try arguments.check()
            statistics.count(.statisticsDay)
            await statistics.flush()
            guard let days = try await catalogue.days(from: first, to: last) else { throw Self.conflict }
            return Told.json(
                .array(
                    days.map {
                        .object([
                            ("date", .string($0.date)), ("type", .string($0.type)), ("count", .int($0.count)),
                        ])
                    }))
        }
    }

    private var totals: Route {
        OpenWorkshop.route(
            "/statistics/info/all", "Tell how much there is of everything", answers: [Self.okay]
        ) { _ in
            statistics.count(.statisticsInfoAll)
            await statistics.flush()
            let totals = try await catalogue.totals(fetching: try await busy.value().downloads)
            return Told.json(.object(totals.map { ($0.name, .int($0.count)) }))
        }
    }

    private var typeMap: Route {
        OpenWorkshop.route(
            "/statistics/info/type_map", "Tell what the counted types are called",
            [.init("Accept-Language", in: .header, "ru is the only language that is known", .string())],
            answers: [Self.okay]
        ) { _ in
            statistics.count(.statisticsTypeMap)
            return Told.json(
                .object([
                    ("language", "ru"),
                    ("result", .object(TypeNames.russian.map { ($0.rawValue, .string($1)) })),
                ]))
        }
    }
}
