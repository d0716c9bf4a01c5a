// Who holds a shard's memory: for whoever asks what a million connections would take.

extension Shard {
    /// Bytes held by what grows with connections, by owner; arrays by their capacity. Objects of
    /// single connections (a WebSocket's session, a request being read) and histories are not in it.
    ///
    /// It walks through all connections and channels. Owner loop only.
    package var footprint: [(owner: StaticString, bytes: Int)] {
        var subscriptions = 0
        for connection in connections { subscriptions += connection.subscriptions.footprint }
        var (members, groups) = (0, 0)
        for channel in channels.entries {
            if channel.groups.capacity > 0 { groups += heapBytes(channel.groups) }
            for group in channel.groups { members += heapBytes(group.members) }
        }
        return [
            ("connections", heapBytes(connections)),
            ("their subscriptions", subscriptions),
            ("channels", heapBytes(channels.entries) + groups),
            ("their members", members),
            ("deadlines", wheel.footprint),
            (
                "slots",
                heapBytes(lagging) + heapBytes(freeSlots) + heapBytes(continuing)
                    + heapBytes(freedThisTurn) + heapBytes(freedAtRim) + heapBytes(expired)
            ),
            ("output, the shard's half", output.footprint),
        ]
    }
}

/// What an array holds on the heap, its own head with it.
func heapBytes<Element>(_ array: [Element]) -> Int {
    array.capacity == 0 ? 0 : 32 + array.capacity * MemoryLayout<Element>.stride
}
