import Measurement
import Records

/// The content of a folder of records: joined, compared and sorted, ready for display.
///
/// Accuracy is joined by (model, weights, method, data set), latency by (model, method, device,
/// batch size). Only the records are read, so any old result can be displayed again, and the order
/// of the records does not matter.
package struct Report: Sendable {
  package let name: String
  /// The tables: rows that share model, weights, data set, device and batch size.
  package let groups: [RowGroup]
  /// The tables that are shown: the groups, or tables of models if models are compared.
  package let tables: [RowGroup]
  /// Trials without a result, with the messages of their records.
  package let failures: [Failure]
  /// Latency over token count, if it was measured on a grid.
  package let staircases: [Staircase]
  /// The utility of each token count, if both grids were measured.
  package let utilityCurves: [UtilityCurve]
  /// Where each method is faster than the baseline, if several batch sizes were timed.
  package let breakEvens: [BreakEven]
  /// Tables that differ only in precision or engine, combined.
  package let variants: [VariantTable]
  /// Published numbers with the rows that they are compared with.
  package let published: [PublishedTable]
  /// The machines and program versions of the records, without duplicates.
  package let provenance: [Provenance]
  /// The heading of `provenance`.
  var provenanceTitle: String {
    let timed = groups.filter { group in group.rows.contains { $0.latency != nil } }
    let isPredicted =
      !timed.isEmpty && timed.allSatisfy(\.isSimulated)
      && !groups.contains { group in group.rows.contains { $0.accuracy != nil } }
    return isPredicted ? "Predicted on" : "Measured on"
  }
  /// The verdict on the timings; `nil` if they are reliable.
  package let verdict: TimingVerdict?
  /// Remarks on the run, one sentence each.
  package let remarks: [String]
  /// The spec of the report.
  package let about: ReportOrigin
  /// Passes broken down by kind of operation.
  package let operations: [OperationBreakdown]
  /// The tokens that the methods keep of a few images, one entry per model.
  package let tokens: [SampleTokens]
  /// The names of a data set's classes, by its fingerprint.
  let classNames: [String: [String]]
  let parameterText: ParameterText
  /// The joined records of the rows, for comparing with another report.
  let joined: JoinedRecords

  /// Joins `records`.
  ///
  /// - Parameters:
  ///   - records: Records in any order; records with the same key count once.
  ///   - name: The name of the report, usually that of the spec.
  ///   - rows: The rows to show, in this order; `nil` shows all that were measured. The baseline
  ///     and the grids are read from all records either way.
  ///   - published: Published numbers to show next to the rows.
  ///   - command: The command that repeats unreliable timings, if it is known.
  ///   - paths: The paths of weights and data sets by digest or fingerprint, which distinguish
  ///     those with the same name.
  ///   - remarks: Remarks on the run, one sentence each.
  ///   - baselines: The model that each model is compared with; `*` applies to all others.
  ///   - about: The spec, as far as it is known.
  ///   - operations: Passes broken down by kind of operation.
  ///   - tokens: The tokens that the methods keep of a few images.
  ///   - classNames: The names of a data set's classes, by its fingerprint.
  package init(
    records: [Record], name: String, rows: [RowKey]? = nil, published: [PublishedNumbers] = [],
    command: String? = nil, paths: [String: String] = [:], remarks: [String] = [],
    baselines: [String: String] = [:], about: ReportOrigin = ReportOrigin(),
    operations: [OperationBreakdown] = [], tokens: [SampleTokens] = [],
    classNames: [String: [String]] = [:]
  ) {
    self.name = name
    self.operations = operations
    self.tokens = tokens
    self.classNames = classNames
    self.about = about
    self.remarks = remarks
    let names = DistinctNames(records, rows: rows, paths: paths)
    let records = names.renamed(records)
    let rows = rows?.map(names.renamed)
    joined = JoinedRecords(records)
    let shown = rows.map { $0.map(\.method) } ?? joined.methods
    parameterText = ParameterText(methods: shown)
    staircases = Staircase.all(in: joined)
    utilityCurves = UtilityCurve.all(staircases, in: joined)
    groups = RowBuilder(
      joined: joined, rows: rows, parameterText: parameterText, staircases: staircases,
      curves: utilityCurves
    ).groups()
    tables = ModelTables(groups: groups, joined: joined, baselines: baselines).tables()
    verdict = TimingVerdict(groups, staircases, command: command)
    self.published = published.map { [groups, tables] in
      PublishedTable($0, groups: groups, models: tables.filter(\.isOfModels))
    }
    breakEvens = BreakEven.all(in: joined)
    variants = VariantTable.all(groups, joined)
    failures = joined.failures
    provenance = Provenance.all(in: records)
  }
}

/// The spec of a report.
package struct ReportOrigin: Hashable, Sendable {
  /// The spec's description; empty if it has none.
  package let description: String
  /// Its text; `nil` if unknown.
  package let spec: String?
  /// The command line that ran it; `nil` if unknown.
  package let command: String?

  package init(description: String = "", spec: String? = nil, command: String? = nil) {
    self.description = description
    self.spec = spec
    self.command = command
  }
}

/// The rows that can be compared with one another.
package struct RowGroup: Sendable {
  package let model: ModelIdentity
  /// `nil` if no accuracy is recorded.
  package let weights: WeightsSetting?
  /// `nil` if no accuracy is recorded.
  package let dataset: DatasetSetting?
  /// `nil` if no latency is recorded.
  package let device: DeviceSetting?
  /// `nil` if no latency is recorded.
  package let batchSize: Int?
  package let precision: String
  package internal(set) var rows: [Row]
  /// Whether its rows are models without reduction, instead of methods.
  package internal(set) var isOfModels = false
  /// The uncertainty of each R that α chooses for rows of the table, one sentence each.
  package internal(set) var choiceLines: [String] = []

  /// The rows on the front, by increasing latency.
  package var front: [Row] {
    rows.filter(\.isOnFront).sorted {
      ($0.latency?.milliseconds.median ?? 0) < ($1.latency?.milliseconds.median ?? 0)
    }
  }
}

/// A trial that has no result.
package struct Failure: Hashable, Sendable {
  /// For example `latency of demo_vit, topk r=4, batch 1 on cpu`.
  package let trial: String
  package let message: String
}
