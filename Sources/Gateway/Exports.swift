// What an embedder needs of other modules, so that `import Gateway` suffices.

@_exported public import Hub
