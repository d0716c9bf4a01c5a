// Which resource a request names.

internal import Wire

/// A resource of the gateway.
enum Route: Equatable {
    /// `/`, when there is a page.
    case page
    /// `/channels/{name}` or `/channels?name=a&name=b`; the names as given, not checked yet.
    case channels([[UInt8]])
    /// `/channels/{name}/messages`
    case history([UInt8])
    /// `/channels/{name}/presence`
    case presence([UInt8])
    /// `/connect`: `carillon.v1` without a channel to begin with.
    case connect
    /// `/publish`: one message a line.
    case batch
    /// A path that belongs to a component, by index.
    case component(Int)

    /// The route of a path, or nil when there is none.
    init?(
        path: [UInt8], segments: [[UInt8]], query: [QueryItem], componentPaths: [[UInt8]],
        hasPage: Bool
    ) {
        if let index = componentPaths.firstIndex(of: path) {
            self = .component(index)
            return
        }
        let channels = Array("channels".utf8)
        switch segments.count {
        case 1 where segments[0].isEmpty && hasPage: self = .page
        case 1 where segments[0] == channels:
            self = .channels(query.filter { $0.name == Array("name".utf8) }.map(\.value))
        case 1 where segments[0] == Array("connect".utf8): self = .connect
        case 1 where segments[0] == Array("publish".utf8): self = .batch
        case 2 where segments[0] == channels: self = .channels([segments[1]])
        case 3 where segments[0] == channels && segments[2] == Array("messages".utf8):
            self = .history(segments[1])
        case 3 where segments[0] == channels && segments[2] == Array("presence".utf8):
            self = .presence(segments[1])
        default: return nil
        }
    }
}
