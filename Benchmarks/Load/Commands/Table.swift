import ArgumentParser

struct Table: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sets reports side by side: medians of each load and server.")

    @Argument(help: "Files that the measurements wrote by --json.")
    var files: [String]

    func run() throws {
        var reports: [Report] = []
        for file in files { reports.append(try Report.read(file)) }
        print(Comparison(reports).markdown())
    }
}
