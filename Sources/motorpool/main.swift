Entrance.enter()
