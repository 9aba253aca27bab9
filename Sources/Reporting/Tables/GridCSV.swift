/// The latency grids as comma-separated values: their points, and the steps found in them.
enum GridCSV {
  private static let place = "model,device,hardware,threads,engine,batch_size,precision"

  /// One line per measured token count.
  static func points(_ staircases: [Staircase]) -> String {
    text(
      columns:
        "tokens,latency_ms_median,latency_ms_q1,latency_ms_q3,latency_samples,timing_reliable",
      staircases
    ) { staircase in
      staircase.points.map { point in
        let times = point.milliseconds
        let numbers = [times.median, times.lowerQuartile, times.upperQuartile]
          .map { trimmed($0, digits: 6) }
        return [String(point.tokens)] + numbers + [String(times.count), String(point.isReliable)]
      }
    }
  }

  /// One line per step; a positive rise means that more tokens take longer.
  static func steps(_ staircases: [Staircase]) -> String {
    text(
      columns: "tokens_before,tokens_after,tokens_low,tokens_high,rise_ms,rise_ms_low,rise_ms_high",
      staircases
    ) { staircase in
      staircase.steps.map { step in
        let places = [step.before, step.after, step.location.lowerBound, step.location.upperBound]
        let heights = [step.height, step.heightInterval.lower, step.heightInterval.upper]
        return places.map(String.init) + heights.map { trimmed($0, digits: 6) }
      }
    }
  }

  private static func text(
    columns: String, _ staircases: [Staircase], lines: (Staircase) -> [[String]]
  ) -> String {
    let rows = staircases.flatMap { staircase in
      let place = [
        staircase.model.name, staircase.device.name, staircase.device.hardware,
        String(staircase.device.threads),
        staircase.device.engine ?? (staircase.device.threads > 0 ? "packed" : ""),
        String(staircase.batchSize), staircase.precision,
      ].map(CSVTable.quoted)
      return lines(staircase).map { (place + $0).joined(separator: ",") }
    }
    return ([place + "," + columns] + rows).joined(separator: "\n") + "\n"
  }
}
