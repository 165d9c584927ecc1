"""What lies ahead of a target and of the grid connection: budgets, burn rates, nowcasts, demand."""
