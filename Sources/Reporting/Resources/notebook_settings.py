plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
                     "grid.color": "#e6e6e6", "axes.axisbelow": True, "svg.fonttype": "none"})
PLACE = ["model", "weights", "dataset", "device", "hardware", "threads", "engine", "batch_size", "precision"]
