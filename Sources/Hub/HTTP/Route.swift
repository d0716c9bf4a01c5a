// Which resource a request names.

internal import Wire

/// A resource of the gateway. A channel's name is the path's second segment, not checked yet.
enum Route: Equatable {
    /// `/`, when there is a page.
    case page
    /// `/channels/{name}`
    case channel
    /// `/channels?name=a&name=b`
    case channels
    /// `/channels/{name}/messages`
    case history
    /// `/channels/{name}/presence`
    case presence
    /// `/connect`: `carillon.v1` without a channel to begin with.
    case connect
    /// `/publish`: one message a line.
    case batch
    /// A path that belongs to a component, by index.
    case component(Int)

    /// The route of a request's path, or nil when there is none.
    init?(_ head: RequestHead, componentPaths: [[UInt8]], hasPage: Bool) {
        if let index = componentPaths.firstIndex(where: { head.hasPath($0) }) {
            self = .component(index)
        } else if head.hasSegment(0, "channels") {
            self.init(ofChannel: head)
        } else if head.hasSegment(1) {
            return nil
        } else if head.hasSegment(0, "publish") {
            self = .batch
        } else if head.hasSegment(0, "connect") {
            self = .connect
        } else if hasPage, head.hasSegment(0, "") {
            self = .page
        } else {
            return nil
        }
    }

    private init?(ofChannel head: RequestHead) {
        if !head.hasSegment(1) {
            self = .channels
        } else if !head.hasSegment(2) {
            self = .channel
        } else if head.hasSegment(3) {
            return nil
        } else if head.hasSegment(2, "messages") {
            self = .history
        } else if head.hasSegment(2, "presence") {
            self = .presence
        } else {
            return nil
        }
    }
}
