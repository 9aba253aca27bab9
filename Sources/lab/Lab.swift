import ArgumentParser

@main
struct Lab: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract:
      "Finds the token-reduction method that makes your vision transformer fast on your device.",
    subcommands: [
      DatasetCommand.self
    ])
}
