import Glibc
import Testing

@testable import Loops

@Suite struct DescriptorsTests {
    @Test func `the soft limit rises to the hard one`() async {
        await #expect(processExitsWith: .success) {
            var limits = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
            limits.rlim_cur = 100
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
            let hard = Int(clamping: limits.rlim_max)
            #expect(Descriptors.raiseLimit() == (hard, hard))
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
            #expect(Int(clamping: limits.rlim_cur) == hard)
        }
    }
}
