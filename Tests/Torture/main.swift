import Glibc

Entrance.listen()
exit(await Entrance.enter(Array(CommandLine.arguments.dropFirst())))
