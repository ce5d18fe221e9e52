Entrance.enter(CommandLine.arguments)
