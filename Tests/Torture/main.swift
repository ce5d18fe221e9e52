Entrance.enter(Array(CommandLine.arguments.dropFirst()))
