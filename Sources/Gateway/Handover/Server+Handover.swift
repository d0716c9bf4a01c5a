// How a server begins as the successor of another, tells the service manager, and is succeeded.

internal import Hub
internal import Loops
internal import Ring

extension Server {
    /// Shares the sockets with a successor to come, before the loops take them.
    ///
    /// - Parameter hasPredecessor: the path is not free yet; ``takeOver(_:_:)`` sees to it.
    func prepareSuccession(_ sockets: Sockets, hasPredecessor: Bool) throws(ServerError) {
        guard let path = configuration.handover else { return }
        do throws(LoopError) {
            succession = try Succession(sockets.all.map(Succession.Offer.init))
            if !hasPredecessor { try succession?.open(path) }
        } catch {
            throw ServerError("can't wait for a successor at \(path): \(error)")
        }
    }

    /// The loops accept: the predecessor is to drain, and a successor may come.
    func takeOver(_ predecessor: Predecessor?, _ sockets: Sockets, _ control: Control) {
        guard let succession, let path = configuration.handover else { return }
        if let predecessor {
            predecessor.takeOver(sockets.all)
            isSuccessor = true
        }
        do throws(LoopError) {
            if predecessor != nil { try succession.open(path) }
            try succession.start { [manager] in
                // What the service manager hears from now on is the successor's.
                manager?.stop()
                control.stop()
                Signals.wake()
            }
        } catch {
            // The sockets are served already: no reason to end.
            complain("nobody can take over from this process: \(error)")
        }
    }

    /// Tells the service manager that the server is ready, and begins to look after its loops.
    func tellManager(_ control: Control, _ shared: Shared) {
        guard let manager else { return }
        do throws(LoopError) {
            watch = try manager.watch(control, shared.counters)
        } catch {
            complain("the loops are not watched: \(error)")
        }
        manager.ready(addresses, isSuccessor: isSuccessor)
    }
}
