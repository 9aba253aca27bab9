import Measurement
import Testing

@Suite struct NoiseNotesTests {
  /// Quiet samples around 10 ms.
  private let quiet = (0..<30).map { 10 + 0.01 * Double($0 % 3) }

  @Test func `quiet samples have no notes`() {
    #expect(NoiseNotes.notes(on: quiet) == [])
    #expect(NoiseNotes.notes(on: [1, 100]) == [])
    #expect(NoiseNotes.notes(on: Array(repeating: 4, count: 50)) == [])
  }

  @Test func `effects that do not change the median have no note`() {
    var samples = [25] + quiet
    samples[7] = 30
    samples[20] = 2
    #expect(NoiseNotes.notes(on: samples) == [])
    let slight = (0..<30).map { 10 + 0.05 * Double($0) }
    #expect(NoiseNotes.notes(on: slight) == [])
  }

  @Test func `drift is named with its direction`() {
    let rising = (0..<30).map { 10 + 0.2 * Double($0) }
    #expect(NoiseNotes.notes(on: rising) == ["the last third is 36.7 % slower than the first"])
    #expect(
      NoiseNotes.notes(on: rising.reversed()) == ["the last third is 26.8 % faster than the first"])
  }

  @Test func `a loaded machine and a changed clock are named`() {
    let before = MachineState(clocksMHz: [2000, 3000], loadAverage: 0)
    let after = MachineState(clocksMHz: [1000, 2000], loadAverage: 7.25)
    #expect(
      NoiseNotes.notes(from: before, to: after, cores: 4) == [
        "the load average was 7.2 on 4 cores", "the clock went from 3000 to 2000 MHz",
      ])
    #expect(NoiseNotes.notes(from: before, to: before, cores: 4) == [])
    // Counters detect other programs better than the load does.
    #expect(
      NoiseNotes.notes(from: before, to: after, cores: 4, judgesLoad: false) == [
        "the clock went from 3000 to 2000 MHz"
      ])
    let unknown = MachineState(clocksMHz: [], loadAverage: nil)
    #expect(NoiseNotes.notes(from: unknown, to: unknown, cores: 4) == [])
  }
}
