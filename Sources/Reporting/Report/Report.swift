import Measurement
import Records

/// What a folder of records says, ready to be drawn: joined, compared and ordered.
///
/// Accuracy and latency meet here for the first time: accuracy by (model, weights, method, data
/// set), latency by (model, method, device, batch size). Nothing is read but the records, so any
/// old result can be drawn again, and the order of the records does not matter.
package struct Report: Sendable {
  package let name: String
  /// One table each: the rows that share model, weights, data set, device and batch size.
  package let groups: [RowGroup]
  /// What is shown: the groups, or models side by side where they are what is compared.
  package let tables: [RowGroup]
  /// Trials without a result, in the words of the records.
  package let failures: [Failure]
  /// Latency against token count, where it was measured on a grid.
  package let staircases: [Staircase]
  /// The utility of each token count, where both grids were measured.
  package let utilityCurves: [UtilityCurve]
  /// Where each method beats the baseline, where several batch sizes were timed.
  package let breakEvens: [BreakEven]
  /// Tables that differ in precision or engine alone, as one each.
  package let variants: [VariantTable]
  /// Numbers of publications with the rows that stand next to them.
  package let published: [PublishedTable]
  /// The machines and program versions that the records come from, each once.
  package let provenance: [Provenance]
  /// What was done on the machines of `provenance`.
  var provenanceTitle: String {
    let timed = groups.filter { group in group.rows.contains { $0.latency != nil } }
    let isPredicted =
      !timed.isEmpty && timed.allSatisfy(\.isSimulated)
      && !groups.contains { group in group.rows.contains { $0.accuracy != nil } }
    return isPredicted ? "Predicted on" : "Measured on"
  }
  /// What is wrong with the timings; `nil` where they are reliable.
  package let verdict: TimingVerdict?
  /// What a reader should know of the run, a sentence each.
  package let remarks: [String]
  /// What was asked for.
  package let about: ReportOrigin
  /// Passes that were taken apart into kinds of operation.
  package let operations: [OperationBreakdown]
  /// What the methods made of a few pictures, one for each model.
  package let tokens: [SampleTokens]
  /// The names of a data set's classes, by its fingerprint.
  let classNames: [String: [String]]
  let parameterText: ParameterText
  /// What the rows were made of, for comparing with another report.
  let joined: JoinedRecords

  /// Joins `records`.
  ///
  /// - Parameters:
  ///   - records: in any order; a record that repeats another's key counts once.
  ///   - name: what the report is called, usually the spec's name.
  ///   - rows: which rows to show, in this order; all that were measured when `nil`. The baseline
  ///     and the grids are read from all records either way.
  ///   - published: numbers of publications to set next to the rows.
  ///   - command: the command line that takes unreliable timings again, where it is known.
  ///   - paths: where weights and data sets lie, by digest or fingerprint: what tells apart those
  ///     of one name.
  ///   - remarks: what a reader should know of the run, a sentence each.
  ///   - baselines: model to the model that it is compared with; `*` stands for all others.
  ///   - about: what was asked for, as far as it is known.
  ///   - operations: passes that were taken apart into kinds of operation.
  ///   - tokens: what the methods made of a few pictures.
  ///   - classNames: the names of a data set's classes, by its fingerprint.
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

/// The spec that led to a report.
package struct ReportOrigin: Hashable, Sendable {
  /// In the spec's words; empty where it has none.
  package let description: String
  /// Its text; `nil` where it is not known.
  package let spec: String?
  /// The command line that ran it; `nil` where it is not known.
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
  /// `nil` when no accuracy is recorded.
  package let weights: WeightsSetting?
  /// `nil` when no accuracy is recorded.
  package let dataset: DatasetSetting?
  /// `nil` when no latency is recorded.
  package let device: DeviceSetting?
  /// `nil` when no latency is recorded.
  package let batchSize: Int?
  package let precision: String
  package internal(set) var rows: [Row]
  /// Whether its rows are models where nothing is reduced, instead of methods.
  package internal(set) var isOfModels = false
  /// How sure R is that α chooses for rows of the table, a sentence each.
  package internal(set) var choiceLines: [String] = []

  /// The rows on the front, by rising latency.
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
