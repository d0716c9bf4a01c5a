// libFuzzer's loop around one target. What it is not: part of an ordinary build; see `make fuzz`.

import CFuzzer
import Fuzzing
import Glibc

@main enum FuzzMain {
    /// libFuzzer starts this program anew with arguments of its own, so the name comes this way.
    static let target: FuzzTarget? = getenv("CARILLON_FUZZ_TARGET").flatMap { name in
        let name = String(cString: name)
        return fuzzTargets.first { $0.name == name }
    }

    static func main() {
        guard target != nil else {
            print(fuzzTargets.map(\.name).joined(separator: "\n"))
            return
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
            CommandLine.unsafeArgv
        exit(LLVMFuzzerRunDriver(&count, &arguments, tryOne))
    }

    private static let tryOne: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt = {
        data, count in
        let input = Array(UnsafeBufferPointer(start: data, count: count))
        if let fault = FuzzMain.target?.fault(input) { fatalError(fault) }
        return 0
    }
}
