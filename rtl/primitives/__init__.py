"""The building blocks of all components: arithmetic, indices, bundles, storage, pipeline stages and schedules."""
