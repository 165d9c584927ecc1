"""The accounting: meters, the 15-minute ledger, green matching, KPIs."""
