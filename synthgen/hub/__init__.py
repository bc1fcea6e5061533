"""A data set for the Hugging Face Hub: a folder of Parquet files with a dataset card, and one commit that uploads it.

    README.md                  the card: front matter for `load_dataset` and the Hub, and a description for people
    config.yaml                the settings that reproduce the data set
    <config>/<split>.parquet   rows; a split without rows has no file

`columns` describes the columns of each config, `folder` writes the files, `card` the README, `pii` counts what looks
like personal data, and `upload` talks to the Hub. `synthgen.pipeline.push` decides which rows go where.
"""
