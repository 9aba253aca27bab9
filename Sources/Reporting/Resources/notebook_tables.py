from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

results = Path(RESULTS)
table = pd.read_csv(results / "table.csv")
table[["method", "label", "batch_size", "top1_percent", "latency_ms_median", "speedup", "on_front"]]
