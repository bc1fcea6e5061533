"""A data set as the Hugging Face Hub holds it: a folder of Parquet files with a card, and one commit that sends it.

    README.md                  the card: front matter that `load_dataset` and the Hub read, and what a person should know
    config.yaml                the settings, to make it again
    <config>/<split>.parquet   rows; a split without any has no file

`columns` says what stands in each config, `folder` writes the files, `card` the README, `personal` counts what looks like personal
data, `sending` talks to the Hub. Which rows go where is decided above, in `synthgen.pipeline.push`.
"""
