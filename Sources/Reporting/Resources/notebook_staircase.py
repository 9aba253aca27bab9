grid = pd.read_csv(results / "staircase.csv")
steps = pd.read_csv(results / "steps.csv")
keys = ["model", "device", "hardware", "threads", "engine", "batch_size", "precision"]
for place, points in grid.groupby(keys):
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot(points["tokens"], points["latency_ms_median"], ".-", color="#0072B2")
    axes.fill_between(points["tokens"], points["latency_ms_q1"], points["latency_ms_q3"],
                      color="#0072B2", alpha=0.2, linewidth=0)
    for _, step in steps[(steps[keys] == list(place)).all(axis=1)].iterrows():
        axes.axvspan(step["tokens_low"], step["tokens_high"], color="#D55E00", alpha=0.18)
    axes.set(xlabel="Tokens in every block", ylabel="Latency (ms per batch, median)",
             title="{model}, batch {batch_size}".format(**dict(zip(keys, place))))
    plt.show()
