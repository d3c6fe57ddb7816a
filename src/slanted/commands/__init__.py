"""The commands of `slanted`, one file each: they connect data, training, report and printed output."""
