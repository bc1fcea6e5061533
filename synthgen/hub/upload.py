"""Upload a folder to the Hub in one commit, and check what must hold before anything is sent.

The next push completes an interrupted one. What it finds decides, in this order:

- There is no such repository: it is created, private by default.
- The repository has exactly the files of the folder: the commit succeeded and only its response was lost. Nothing is
  done.
- It has no file beside `.gitattributes`, which the Hub writes: it was created and not filled, or it is an empty
  repository of the user. The commit overwrites nothing.
- Anything else is somebody's data. Only `force` replaces it, in one commit that also deletes the files that are not in
  the folder.

An existing repository must have the requested visibility. The commit names the inspected commit as its parent, so the
Hub rejects it when somebody else commits in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import ConfigError, HubError
from synthgen.files import MANIFEST

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["Upload", "check_repo_id", "upload"]

_WRITTEN_BY_HUB = ".gitattributes"
_REPO_TYPE = "dataset"


@dataclass(frozen=True, slots=True)
class Upload:
    """The uploaded data set. `commit` is "" when the Hub already had exactly these files."""

    url: str
    commit: str
    files: int
    deleted: int


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository on the Hub: its last commit, and the digest of each file but those that the Hub writes."""

    commit: str
    private: bool
    files: dict[str, str]


def check_repo_id(repo_id: str) -> None:
    """Raise ConfigError unless `repo_id` is OWNER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ConfigError(f"{repo_id!r} is not the name of a data set on the Hub: {error}") from None
    if repo_id.count("/") != 1:
        raise ConfigError(
            f"{repo_id!r} is not the name of a data set on the Hub. Give OWNER/NAME; OWNER is you or your organisation."
        )


def upload(folder: Path, repo_id: str, *, public: bool, force: bool, message: str) -> Upload:
    """Make the data set `repo_id` hold exactly the files of `folder`.

    The token comes from HF_TOKEN or the cached login. Raises HubError before anything is sent when there is no valid
    token or network, or when the repository has other files (without `force`) or another visibility. Raises HubError
    later when the upload is interrupted or rejected.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    found_here = (path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST)
    files = {path.relative_to(folder).as_posix(): path for path in found_here}
    with _readable_errors(api, repo_id, folder):
        user = _user(api)
        found = _find(api, repo_id)
    if found and found.private == public:
        raise HubError(f"{_visibility(repo_id, public)} Nothing was sent.")
    url = f"{api.endpoint}/datasets/{repo_id}"
    if found and _same(files, found.files):
        return Upload(url, "", len(files), 0)
    if found and found.files and not force:
        raise HubError(
            f"The data set {repo_id} already exists on the Hub, with other files ({', '.join(sorted(found.files)[:3])}, …). Nothing was "
            f"sent. Choose another name, or add --force to replace all its files with {folder}."
        )
    with _readable_errors(api, repo_id, folder, user=user):
        commit, deleted = _commit(api, repo_id, files, found, public=public, message=message)
    return Upload(url, commit, len(files), deleted)


def _commit(
    api: HfApi, repo_id: str, files: dict[str, Path], found: _Repository | None, *, public: bool, message: str
) -> tuple[str, int]:
    """Create the repository if it is new, and commit. Returns the commit and the number of deleted files."""
    from huggingface_hub import CommitOperation, CommitOperationAdd, CommitOperationDelete

    if found is None:
        api.create_repo(repo_id, repo_type=_REPO_TYPE, private=not public)
    stale = sorted(found.files.keys() - files.keys()) if found else []
    operations: list[CommitOperation] = [CommitOperationDelete(name) for name in stale]
    operations += [CommitOperationAdd(name, str(path)) for name, path in files.items()]
    with _quiet():
        created = api.create_commit(
            repo_id, operations, commit_message=message, repo_type=_REPO_TYPE, parent_commit=found.commit if found else None
        )
    return str(created.oid), len(stale)


def _user(api: HfApi) -> str:
    """Return the owner of the token. Raises HubError for a missing or wrong token."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    advice = (
        "Create one with write access at https://huggingface.co/settings/tokens, then `hf auth login` or `export HF_TOKEN=…`."
    )
    try:
        return str(api.whoami()["name"])
    except LocalTokenNotFoundError:
        raise HubError(
            f"The Hub needs a token, and neither HF_TOKEN nor a cached login has one. Nothing was sent. {advice}"
        ) from None
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise HubError(
                f"The Hub rejects the token of HF_TOKEN or of the cached login. Nothing was sent. {advice}"
            ) from None
        raise


def _find(api: HfApi, repo_id: str) -> _Repository | None:
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    try:
        info = api.dataset_info(repo_id)
    except RepositoryNotFoundError:
        return None
    tree = api.list_repo_tree(repo_id, recursive=True, revision=info.sha, repo_type=_REPO_TYPE)
    digests = {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in tree if isinstance(one, RepoFile)}
    return _Repository(str(info.sha), bool(info.private), {path: of for path, of in digests.items() if path != _WRITTEN_BY_HUB})


def _same(files: dict[str, Path], digests: dict[str, str]) -> bool:
    return files.keys() == digests.keys() and all(_digest(path, digests[name]) == digests[name] for name, path in files.items())


def _digest(path: Path, like: str) -> str:
    """Return the Hub's digest of this content: sha256 for a large file, git's blob digest for others."""
    if len(like) == 2 * hashlib.sha256().digest_size:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _visibility(repo_id: str, public: bool) -> str:
    """Return the message for a repository with the other visibility. Private data must not become public through an old
    repository.
    """
    if public:
        return f"The data set {repo_id} is private on the Hub. Make it public there, or omit --public."
    return f"The data set {repo_id} is public on the Hub, and a push is private by default. Make it private there, or add --public."


@contextmanager
def _quiet() -> Iterator[None]:
    """Disable the library's progress bars, which would overwrite synthgen's."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


@contextmanager
def _readable_errors(api: HfApi, repo_id: str, folder: Path, *, user: str = "") -> Iterator[None]:
    """Turn errors of the Hub and the network into a HubError of one paragraph. `user` is given once the upload has begun."""
    from huggingface_hub import errors

    transport = errors.HTTPError  # of the HTTP library in use
    after = f"{'Nothing is lost' if user else 'Nothing was sent'}: {folder} is complete"
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise HubError(f"HF_HUB_OFFLINE is set, so the Hub is not contacted. Unset it to push. {after}.") from None
    except errors.HfHubHTTPError as error:
        raise HubError(f"{_rejection(error, repo_id, user)} {after}; push again once that is fixed.") from None
    except (transport, ConnectionError, TimeoutError) as error:
        raise HubError(
            f"{api.endpoint} cannot be reached, or closed the connection ({_line(error)}). {after}, and the same command continues."
        ) from None
    except (ValueError, RuntimeError) as error:  # a rejected card, or a failed file
        raise HubError(f"The push to {repo_id} failed: {_line(error)}. {after}; push again once that is fixed.") from None


def _rejection(error: HfHubHTTPError, repo_id: str, user: str) -> str:
    """Return the meaning of the Hub's error response for a push."""
    status = error.response.status_code
    if status in (401, 403):
        return (
            f"The Hub does not let {user or 'the owner of this token'} write to {repo_id} ({status}). Give a data set of your own or of "
            "an organisation that you can write to, and use a token with write access."
        )
    if status == 409:
        return f"The name {repo_id} is taken on the Hub by something that this token cannot see. Choose another name."
    if status == 412:
        return f"Somebody else has changed {repo_id} on the Hub in the meantime."
    return f"The Hub answered {status} ({_line(error.server_message or error)})."


def _line(error: object) -> str:
    """Return the message of an error and of its cause, on one line."""
    cause = getattr(error, "__cause__", None)
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text}: {_line(cause)}" if cause is not None and isinstance(error, RuntimeError) else text.rstrip(".")
