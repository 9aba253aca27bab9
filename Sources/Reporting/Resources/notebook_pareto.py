drawn = table.dropna(subset=["top1_percent", "latency_ms_median"])
for place, rows in drawn.groupby(PLACE, dropna=False):
    figure, axes = plt.subplots(figsize=(6, 4))
    for method, points in rows.groupby("method", sort=False):
        color, marker = STYLE.get(method, ("#0072B2", "P"))
        x, y = points["latency_ms_median"], points["top1_percent"]
        axes.errorbar(
            x, y, fmt=marker, color=color, label=method, elinewidth=1, markersize=6,
            xerr=[x - points["latency_ms_q1"], points["latency_ms_q3"] - x],
            yerr=[y - points["top1_percent_low"], points["top1_percent_high"] - y])
    best = rows[rows["on_front"]].sort_values("latency_ms_median")
    axes.step(best["latency_ms_median"], best["top1_percent"], where="post", color="#8a8a8a", zorder=1)
    axes.set(xlabel="Latency (ms per batch, median)", ylabel="Top-1 accuracy (%)",
             title="{model}, batch {batch_size}".format(**dict(zip(PLACE, place))))
    axes.legend(frameon=False, fontsize=8)
    plt.show()
