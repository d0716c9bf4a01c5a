import Bytes
import Foundation
import Testing
import Wire

@Suite struct ResponseProblemTests {
    private func parts(_ text: String) throws -> (head: ResponseHead, body: String) {
        let end = try #require(text.range(of: "\r\n\r\n")).upperBound
        return (try responseHead(String(text[..<end])), String(text[end...]))
    }

    @Test func `a problem names the limit and the value`() throws {
        let text = written {
            ResponseWriter.appendProblem(
                Problem(.bodyTooLarge(limit: 10, measured: 12)),
                fields: [("Retry-After", .decimal(3))], persistence: .close, to: $0)
        }
        let (head, body) = try parts(text)
        #expect(head.status == 413)
        #expect(head.first("content-type") == "application/problem+json")
        #expect(head.first("retry-after") == "3")
        #expect(head.bodyFraming == .message(.length(UInt64(body.utf8.count))))
        #expect(!head.keepAlive)
        #expect(
            body
                == #"{"type":"about:blank","title":"Content Too Large","status":413,"detail":"#
                + #""The body has 12 bytes or more; 10 are allowed.","limit":10,"value":12}"#)
    }

    @Test func `the answer to HEAD announces the body and leaves it out`() throws {
        let problem = Problem(.notFound, detail: "No such channel.")
        let full = written {
            ResponseWriter.appendProblem(problem, persistence: .keepAlive(.http11), to: $0)
        }
        let bare = written {
            ResponseWriter.appendProblem(
                problem, persistence: .keepAlive(.http11), bodiless: true, to: $0)
        }
        let (_, body) = try parts(full)
        #expect(full == bare + body)
        #expect(!body.isEmpty)
    }

    @Test func `any text survives in the detail`() throws {
        let detail = (0..<0x80).map { String(UnicodeScalar($0)!) }.joined() + "\"\\é€😀\u{2028}"
        let text = written {
            ResponseWriter.appendProblem(
                Problem(.badRequest, detail: detail), persistence: .close, to: $0)
        }
        let (_, body) = try parts(text)
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        #expect(object?["detail"] as? String == detail)
        #expect(object?["status"] as? Int == 400)
        #expect(object?["limit"] == nil)
    }
}
