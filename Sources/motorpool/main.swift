print("motorpool")
