// Leaves out of ICU's tables what lab never asks for: text encodings other than Unicode,
// dictionaries that find words in scripts without spaces, transliteration, names of characters, and
// what single languages other than English have of sort orders, units, and names of languages,
// regions, currencies and time zones, for which ICU then takes its root. Numbers, dates, calendars
// and the rest stay for every language. Used by Scripts/bundle.sh.
//
//     trim-icu all.dat kept.dat
//
// Format of the tables: a header whose first two bytes are its size, then a number of entries, for
// each the offsets of its name and its data from the end of the header, then the names, then the
// data, each at a multiple of 16. Source: ICU, source/common/ucmndata.h.

import Foundation

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("trim-icu: \(message)\n".utf8))
  exit(1)
}

guard CommandLine.arguments.count == 3,
  let input = FileManager.default.contents(atPath: CommandLine.arguments[1])
else { fail("usage: trim-icu all.dat kept.dat") }
let bytes = [UInt8](input)

func word(_ offset: Int) -> Int {
  guard offset + 4 <= bytes.count else { fail("the tables end too early") }
  return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
}

guard bytes.count > 32, bytes[2] == 0xDA, bytes[3] == 0x27,
  bytes[12..<16].elementsEqual("CmnD".utf8)
else { fail("these are no ICU tables") }
let base = Int(bytes[0]) | Int(bytes[1]) << 8
let count = word(base)

struct Entry {
  let name: [UInt8]
  let data: ArraySlice<UInt8>
}

let entries = (0..<count).map { index in
  let place = base + 4 + 8 * index
  let (nameStart, start) = (base + word(place), base + word(place + 4))
  let end = index + 1 < count ? base + word(place + 12) : bytes.count
  guard nameStart < bytes.count, start <= end, end <= bytes.count,
    let nameEnd = bytes[nameStart...].firstIndex(of: 0)
  else { fail("entry \(index) of the tables makes no sense") }
  return Entry(name: Array(bytes[nameStart..<nameEnd]), data: bytes[start..<end])
}

func isKept(_ entry: Entry) -> Bool {
  let parts = String(decoding: entry.name, as: UTF8.self).split(separator: "/").dropFirst()
  guard let file = parts.last else { return true }
  if file.hasSuffix(".cnv") || file.hasSuffix(".dict") || file == "unames.icu" { return false }
  switch parts.first {
  case "translit": return false
  case "coll", "curr", "lang", "region", "unit", "zone":
    return ["root.res", "en.res", "pool.res", "res_index.res", "ucadata.icu"].contains(file)
  default: return true
  }
}

let kept = entries.filter(isKept)
guard kept.count < entries.count else { fail("nothing was found to leave out") }

func append(_ value: Int, to list: inout [UInt8]) {
  for shift in stride(from: 0, to: 32, by: 8) { list.append(UInt8(value >> shift & 0xFF)) }
}

var names: [UInt8] = []
let tableBytes = 4 + 8 * kept.count
let nameOffsets = kept.map { entry in
  defer { names += entry.name + [0] }
  return tableBytes + names.count
}
var place = (tableBytes + names.count + 15) / 16 * 16
var table: [UInt8] = []
append(kept.count, to: &table)
for (entry, name) in zip(kept, nameOffsets) {
  append(name, to: &table)
  append(place, to: &table)
  place += (entry.data.count + 15) / 16 * 16
}
var output = Array(bytes[..<base]) + table + names
func pad() { while (output.count - base) % 16 != 0 { output.append(0) } }
pad()
for entry in kept {
  output += entry.data
  pad()
}
guard FileManager.default.createFile(atPath: CommandLine.arguments[2], contents: Data(output)) else {
  fail("cannot write \(CommandLine.arguments[2])")
}
print("trim-icu: \(entries.count - kept.count) of \(entries.count) tables left out, \(bytes.count >> 20) MB to \(output.count >> 20) MB")
