"""What any long-lived process needs: clock, configuration, database, schedule. Not one word of energy."""
