front = pd.read_csv(results / "pareto.csv")
front[["batch_size", "label", "top1_percent", "delta_top1_points", "latency_ms_median", "speedup"]]
