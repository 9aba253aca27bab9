import Measurement
import Testing

@Suite struct MachineTests {
  @Test func `the machine is described`() {
    let machine = MachineFacts.current
    #expect(machine.cores >= 1)
    #expect(machine.memoryBytes > 1 << 20)
    #expect(!machine.host.isEmpty)
    #expect(!machine.processor.isEmpty)
  }

  #if os(Linux)
    /// In a separate process, because the peak belongs to the whole process and other tests reset
    /// it.
    @Test func `peak memory is measured and can be reset`() async {
      await #expect(processExitsWith: .success) {
        func use(megabytes: Int) {
          let bytes = megabytes << 20
          let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
          memory.initializeMemory(as: UInt8.self, repeating: 1, count: bytes)
          memory.deallocate()
        }
        ProcessMemory.resetPeak()
        let base = ProcessMemory.peakBytes()
        #expect(base > 0)
        use(megabytes: 256)
        #expect(ProcessMemory.peakBytes() >= base + 200 << 20)
        ProcessMemory.resetPeak()
        #expect(ProcessMemory.peakBytes() < base + 200 << 20)
      }
    }
  #endif
}
