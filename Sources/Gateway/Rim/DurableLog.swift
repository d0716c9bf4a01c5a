// The durable history of one server: its file, and the two threads between the ring and the file.

internal import Hub
internal import Loops
internal import Ring
internal import Store
internal import Wire
private import Glibc

/// Opened before the loops are made, since they begin with what it holds; started with them; stopped
/// after them, so that everything they have published is written.
final class DurableLog {
    let progress: DurableProgress
    private let history: HistoryDatabase
    private let start: UInt64
    private let storedNamespaces: [StoredNamespace]
    private let limits: StoreLimits
    private var bell: LogBell?
    private var threads: [LoopThread] = []

    /// SQLite takes a billion bytes in a value.
    private static let messageBytesMax = 512 << 20

    private init(
        _ history: HistoryDatabase, start: UInt64, _ namespaces: [StoredNamespace],
        _ limits: StoreLimits
    ) {
        self.history = history
        self.start = start
        storedNamespaces = namespaces
        self.limits = limits
        progress = DurableProgress(start: start)
    }

    // MARK: - Start

    /// Opens the file if a namespace is durable, and makes `settings` go on where it ends.
    ///
    /// - Parameter restored: by loop; gets the past of the channels that live there.
    /// - Returns: nil when no namespace is durable.
    static func open(
        _ path: String?, _ settings: inout Settings, restored: [RestoredShare]
    ) throws(ServerError) -> DurableLog? {
        let durable = settings.namespaces.all.first { $0.durability != .memory }
        guard let durable else {
            guard path == nil else {
                throw ServerError(
                    "a file for durable history is named, but no namespace is durable: give one "
                        + "durability=fsync or durability=interval")
            }
            return nil
        }
        guard let path else {
            let name = durable.name.isEmpty ? "*" : String(decoding: durable.name, as: UTF8.self)
            throw ServerError(
                "namespace \(name) is to be durable, but no file is named for that: give "
                    + "--durable-path FILE")
        }
        guard settings.limits.messageBytesMax <= messageBytesMax else {
            throw ServerError(
                "with a durable history a message may have \(messageBytesMax) bytes at most, not "
                    + "\(settings.limits.messageBytesMax)")
        }
        // A file that may grow no further is then an error of a write, like a full disk; otherwise
        // the kernel ends the process.
        signal(SIGXFSZ, SIG_IGN)
        let (log, life) = try open(path, settings)
        let name = life.epoch
        guard let epoch = Epoch(name.span) else {
            throw ServerError("\(StoreError.damaged(path: path, detail: "the epoch"))")
        }
        settings.epoch = epoch
        settings.start = life.start
        settings.earlierLifeFloors = life.floors
        for channel in life.channels {
            restored[settings.home(of: channel.channel)].add(Restored(channel))
        }
        return log
    }

    private static func open(_ path: String, _ settings: Settings) throws(ServerError)
        -> (DurableLog, EarlierLife)
    {
        var limits = StoreLimits()
        limits.intervalMilliseconds = settings.limits.durableIntervalMilliseconds
        limits.channelMemoryMilliseconds = settings.limits.channelMemoryMillisecondsMax
        limits.channelsMax = settings.limits.channelsPerLoopMax * settings.loops
        let namespaces = settings.namespaces
        let stored = namespaces.all.map(StoredNamespace.init)
        do throws(StoreError) {
            let (history, life) = try HistoryDatabase.open(
                StoreOpening(
                    path: path, namespaces: stored, namespaceOf: { namespaces.index(of: $0) },
                    hashKey: settings.hashKey, freshEpoch: settings.epoch.bytes,
                    nowUnixMilliseconds: unixMilliseconds(), limits: limits))
            return (DurableLog(history, start: life.start, stored, limits), life)
        } catch {
            throw ServerError("\(error)")
        }
    }

    /// The reader's number, in the ring and among the sleepers.
    private func index(_ shared: Shared) -> Int { shared.settings.loops }

    /// How the reader is woken. Once, before ``start(_:_:)``.
    func makeBell(_ shared: Shared) -> LogBell {
        let bell = LogBell(sleepers: shared.sleepers, index: index(shared))
        self.bell = bell
        return bell
    }

    /// Starts the two threads.
    func start(_ shared: Shared, _ control: Control) throws(LoopError) {
        guard let bell else { preconditionFailure("started without a bell") }
        let index = index(shared)
        let pending = PendingLog(
            start: start, mark: history.mark, slots: shared.ring.slotCount, progress: progress,
            limits: limits)
        let parts = Parts(
            reader: LogReader(
                ring: shared.ring, index: index,
                durability: storedNamespaces.map(\.durability), pending: pending, bell: bell,
                limits: limits),
            writer: LogWriter(
                history: history, pending: pending, progress: progress, bell: bell, limits: limits,
                wakeLoops: {
                    shared.sleepers.take(.all, except: index) { control.wake($0) }
                },
                report: tellOperator))
        threads.append(try LoopThread.start(name: "carillon-log") { parts.reader.run() })
        threads.append(try LoopThread.start(name: "carillon-store") { parts.writer.run() })
    }

    /// Each part belongs to one thread: the one that made them does not touch them again.
    private struct Parts: @unchecked Sendable {
        let reader: LogReader
        let writer: LogWriter
    }

    // MARK: - End

    /// Writes what is left and returns when it is on the disk. Once all loops have ended.
    func stop() {
        bell?.stop()
        for thread in threads { thread.join() }
        threads.removeAll()
    }
}

/// A sentence for the operator, on standard error.
private func tellOperator(_ sentence: String) {
    let line = Array("carillon: \(sentence)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

extension StoredNamespace {
    fileprivate init(_ namespace: Namespace) {
        let durability: Durability =
            switch namespace.durability {
            case .memory: .memory
            case .interval: .interval
            case .fsync: .fsync
            }
        self.init(
            name: namespace.name, durability: durability, isLastOnly: namespace.history == .last,
            messagesMax: namespace.historyMessagesMax, bytesMax: namespace.historyBytesMax,
            millisecondsMax: namespace.historyMillisecondsMax)
    }
}

extension Restored {
    fileprivate init(_ stored: StoredChannel) {
        self.init(
            channel: stored.channel,
            messages: stored.messages.map { Logged(sequence: $0.sequence, message: $0.message) },
            forgotten: stored.forgotten, lastUnixMilliseconds: stored.lastMilliseconds)
    }
}
