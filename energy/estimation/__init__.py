"""What stands in for consumption that no register tells: by a backup meter, by neighbours, by past weeks."""
