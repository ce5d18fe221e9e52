// Trial
